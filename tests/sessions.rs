//! `interprocess-communication-patent.txt`, as tests: every step of its figures 4 and 5 by a named
//! scenario over the engine, random steps against a model, and processes over real connections.

mod support;

#[path = "sessions/connections.rs"]
mod connections;
#[path = "sessions/crowd.rs"]
mod crowd;
#[path = "sessions/keeping.rs"]
mod keeping;
#[path = "sessions/model.rs"]
mod model;
#[path = "sessions/naive.rs"]
mod naive;
#[path = "sessions/rules.rs"]
mod rules;
#[path = "sessions/spaces.rs"]
mod spaces;
#[path = "sessions/steps.rs"]
mod steps;
#[path = "sessions/terminals.rs"]
mod terminals;
#[path = "sessions/waking.rs"]
mod waking;
#[path = "sessions/world.rs"]
mod world;
