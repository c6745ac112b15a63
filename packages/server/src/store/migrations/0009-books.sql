-- What the books were found to say so far: sums of transfers up to a number below which none will be added.
create table books (
  is_only     boolean primary key default true check (is_only),
  checked_seq bigint not null,
  transfers   bigint not null
);
insert into books(checked_seq, transfers) values (0, 0);

-- Of an account: what came in less what went out. Of a budget: what was captured under it.
create table book_sums (
  kind   text not null check (kind in ('account', 'budget')),
  id     text collate "C" not null,
  micros bigint not null,
  primary key (kind, id)
) with (fillfactor = 70);
