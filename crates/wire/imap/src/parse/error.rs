//! What may be wrong with a command.

use crate::response::status::{Code, Completion};

/// Why octets are no command, or none that can be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub enum ParseError {
    /// Text that is not of its charset, or holds NUL.
    Text,
    /// No date, or no such day.
    Date,
    /// Nested beyond `nesting_max`.
    Depth,
    /// Octets after the last argument.
    End,
    /// A system flag that is none, or `\Recent`, or no keyword.
    Flag,
    /// More keywords than a mailbox can have.
    Flags,
    /// More keys than `search_keys_max`.
    Keys,
    /// A literal whose octets are not there.
    Literal,
    /// A mailbox name that is not modified UTF-7, or not UTF-8.
    Mailbox,
    /// No number, or one out of range.
    Number,
    /// An option or parameter that nobody knows.
    Option,
    /// A parenthesis is missing.
    Parenthesis,
    /// More ranges than `set_ranges_max`.
    Ranges,
    /// No such section of a message.
    Section,
    /// No sequence set.
    Sequence,
    /// A space is missing.
    Space,
    /// A string or atom is missing or broken.
    String,
    /// No tag.
    Tag,
    /// A special use that no mailbox has.
    Use,
    /// No command of this name.
    Verb,
    /// Not one of the words that may stand here.
    Word,
}

impl ParseError {
    /// What the client is told.
    pub fn text(self) -> &'static str {
        match self {
            Self::Text => "Text is not of its charset",
            Self::Date => "Not a date",
            Self::Depth => "Nested too deep",
            Self::End => "More than the command takes",
            Self::Flag => "Not a flag that can be set",
            Self::Flags => "Too many flags",
            Self::Keys => "Too many search keys",
            Self::Literal => "Literal is broken",
            Self::Mailbox => "Mailbox name is neither modified UTF-7 nor UTF-8",
            Self::Number => "Not a number in range",
            Self::Option => "Unknown option",
            Self::Parenthesis => "Parenthesis expected",
            Self::Ranges => "Too many ranges",
            Self::Section => "No such section",
            Self::Sequence => "Not a sequence set",
            Self::Space => "Space expected",
            Self::String => "String or atom expected",
            Self::Tag => "Tag and command expected",
            Self::Use => "No mailbox has such a use",
            Self::Verb => "Unknown command",
            Self::Word => "Unknown word",
        }
    }

    /// The answer it gets: BAD, but NO where the command was well-formed.
    pub fn completion(self) -> Completion {
        match self {
            Self::Use => Completion::no(Code::UseAttr, self.text()),
            Self::Depth | Self::Flags | Self::Keys | Self::Ranges => {
                Completion::bad(self.text()).with(Code::Limit)
            }
            _ => Completion::bad(self.text()),
        }
    }
}
