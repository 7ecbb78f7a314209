//! leasebox
pub mod message;
pub mod representation;
pub mod service;
