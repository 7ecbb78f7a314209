//! The fields of an answer: short forms for the values that HTTP writes as JSON.
//!
//! **Lock** none: plain values.
//!
//! **Source** [`crate::protocol::http::value`].

use crate::protocol::http::value::Value;

/// Makes a record of fields with their names.
pub fn record<'n>(fields: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

/// Makes a list. Only XML would write the name `item` of its elements, and a lesson has no XML.
pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List("item".into(), items.into_iter().collect())
}

/// Makes a string.
pub fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// Makes a number. One that does not fit 64 bits becomes the largest: a view has none.
pub fn number(number: impl TryInto<u64>) -> Value {
    Value::Number(number.try_into().unwrap_or(u64::MAX))
}

/// Makes a list of numbers.
pub fn numbers(items: impl IntoIterator<Item = u64>) -> Value {
    list(items.into_iter().map(Value::Number))
}

/// Makes 1 for yes and 0 for no, because a [`Value`] cannot be a truth value.
pub fn flag(is_so: bool) -> Value {
    Value::Number(u64::from(is_so))
}

/// Returns an answer as JSON.
pub fn json(value: &Value) -> String {
    let mut bytes = Vec::with_capacity(value.length());
    value.json(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
