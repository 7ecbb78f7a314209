//! leasebox
pub mod cli;
pub mod lab;
pub mod message;
pub mod representation;
pub mod service;
pub mod transport;
