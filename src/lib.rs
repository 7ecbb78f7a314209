//! leasebox
pub mod message;
pub mod service;
