//! The pieces as they are when the exercises are solved.

#![allow(dead_code, reason = "a piece has what its solution needs, and the other way round")]

pub mod e1_01;
pub mod e1_02;
pub mod e1_03;
pub mod e2_01;
pub mod e2_02;
pub mod e2_03;
pub mod e2_04;
pub mod e3_01;
pub mod e3_02;
pub mod e3_03;
pub mod e3_04;
pub mod e4_01;
pub mod e4_02;
pub mod e4_03;
pub mod e5_01;
pub mod e5_02;
pub mod e5_03;
pub mod e6_01;
pub mod e6_02;
pub mod e6_03;
pub mod e7_01;
pub mod e7_02;
pub mod e7_03;
pub mod e8_01;
pub mod e8_02;
pub mod e9_01;
