/** The version of the server, as its clients, its metrics and its operators see it. */
export const VERSION = "1.0.0";
