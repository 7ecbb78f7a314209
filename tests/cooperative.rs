//! `cooperative-memory-management.txt`, as tests: every box of its figures 5 to 12 by a named
//! scenario over the manager, and processes over real connections.

mod support;

#[path = "cooperative/boxes.rs"]
mod boxes;
#[path = "cooperative/connections.rs"]
mod connections;
#[path = "cooperative/crowd.rs"]
mod crowd;
#[path = "cooperative/rules.rs"]
mod rules;
#[path = "cooperative/simulation.rs"]
mod simulation;
#[path = "cooperative/world.rs"]
mod world;
