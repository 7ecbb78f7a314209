//! # Chapter 8: the lecture's programs
//!
//! **The question.** A lecture on distributed systems shows two small servers and four ways to write a
//! record as bytes. What do they do, byte for byte?
//!
//! **The wrong way.** To believe the slide. A record that one machine writes as it lies in memory is read
//! wrongly by a machine of the other byte order.
//!
//! **The right way.** Here they run: [`echo`] serves by TCP and by UDP, [`marshal`] writes one record as
//! CORBA's CDR, Java's serialized form, XML and others, and reads it back; [`modified_utf8`] is how Java
//! writes a string.
//!
//! **What is guarded by what.** Nothing is shared: each connection of the echo server has its own thread
//! and its own bytes.
//!
//! **Source** `interprocess-communication-lecture.txt`: its slides on sockets and on external data representation.

pub mod echo;
pub mod marshal;
pub mod modified_utf8;
