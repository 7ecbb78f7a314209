//! HTTP over real sockets: resources, conditions, hostile requests, and the decoder beside another.
//! Real clients (curl, browsers, Python's libraries) are in `tests/clients/`.

mod support;

#[path = "http/heads.rs"]
mod heads;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/hostile_table.rs"]
mod hostile_table;
#[path = "http/leases.rs"]
mod leases;
#[path = "http/resources.rs"]
mod resources;
#[path = "http/transcripts.rs"]
mod transcripts;
