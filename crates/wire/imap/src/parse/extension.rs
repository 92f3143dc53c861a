//! The general form of what extensions add (RFC 4466 §3, RFC 9051 §9 `tagged-ext`).

use super::ParseError;
use super::cursor::{Cursor, is_astring_char};
use crate::command::{Parameter, Value};

impl Cursor<'_> {
    /// `[SP "(" parameter *(SP parameter) ")"]` at the end of a command.
    pub(super) fn trailing_parameters(&mut self) -> Result<Vec<Parameter>, ParseError> {
        if self.takes(b' ') && self.peek().is_some() {
            return self.parameters();
        }
        Ok(Vec::new())
    }

    /// `"(" parameter *(SP parameter) ")"`.
    pub(super) fn parameters(&mut self) -> Result<Vec<Parameter>, ParseError> {
        let mut parameters = Vec::new();
        self.list(|cursor| {
            parameters.push(cursor.parameter()?);
            Ok(())
        })?;
        if parameters.is_empty() {
            return Err(ParseError::Option);
        }
        Ok(parameters)
    }

    /// `tagged-ext-label [SP tagged-ext-val]`. A word that could be the next label is one: a
    /// value begins with a digit, `*`, `$` or a parenthesis.
    pub(super) fn parameter(&mut self) -> Result<Parameter, ParseError> {
        let name = self.label()?.to_ascii_uppercase().into();
        let mut ahead = self.clone();
        let has_value =
            ahead.takes(b' ') && matches!(ahead.peek(), Some(b'0'..=b'9' | b'*' | b'$' | b'('));
        let value = if has_value {
            *self = ahead;
            Some(self.value()?)
        } else {
            None
        };
        Ok(Parameter { name, value })
    }

    /// `tagged-ext-label`.
    pub(super) fn label(&mut self) -> Result<&str, ParseError> {
        match self.peek() {
            Some(first) if first.is_ascii_alphabetic() || b"-_.".contains(&first) => {}
            _ => return Err(ParseError::Option),
        }
        let label = self.run(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        std::str::from_utf8(label).map_err(|_| ParseError::Option)
    }

    /// `tagged-ext-val`: a set, a number, or values in parentheses.
    pub(super) fn value(&mut self) -> Result<Value, ParseError> {
        if self.peek() == Some(b'(') {
            return self.values();
        }
        let set = self.run(|b| b.is_ascii_digit() || b":,*$".contains(&b));
        let text = std::str::from_utf8(set).map_err(|_| ParseError::Option)?;
        Ok(Value::Atom(text.into()))
    }

    fn values(&mut self) -> Result<Value, ParseError> {
        let mut values = Vec::new();
        self.list(|cursor| {
            values.push(match cursor.peek() {
                Some(b'(') => cursor.values()?,
                Some(b'"' | b'{') => Value::Text(cursor.string()?.into()),
                _ => {
                    let atom = cursor.run(|b| is_astring_char(b) || b == b'*');
                    match std::str::from_utf8(atom) {
                        Ok(atom) if !atom.is_empty() => Value::Atom(atom.into()),
                        _ => return Err(ParseError::String),
                    }
                }
            });
            Ok(())
        })?;
        Ok(Value::List(values))
    }
}
