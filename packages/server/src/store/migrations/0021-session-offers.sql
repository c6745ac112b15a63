-- How often a session's provider was asked to take it: counted where it is noted that it is being asked, so
-- that of several who ask at once none is asked for twice.
alter table session_logs add column offers int not null default 0;
