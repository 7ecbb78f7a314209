//! The solution of e7_02: B stores its first number after A's first one, and its second after A's
//! third. Each late store sets the counter back, so 5, 19 and 228 come twice.

/// A letter for each step: A has 8 of them, B has 4.
pub fn schedule() -> &'static str {
    "BAABBAAAABAA"
}
