//! Settings that choose among words.

use std::path::Path;

use super::{Misfit, Raw, Setting, one_of};

/// Declares an enum whose variants are the words that a key takes.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $($(#[doc = $word_doc:literal])+ $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $word_doc])+ $variant,)+
        }

        impl $name {
            /// The words of all variants, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word in the file.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl Setting for $name {
            fn kind() -> String {
                one_of(Self::WORDS)
            }

            fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
                match raw.text::<Self>()? {
                    $($word => Ok(Self::$variant),)+
                    other => {
                        Err(Misfit::Choice { found: other.to_owned(), choices: Self::WORDS })
                    }
                }
            }

            fn write(&self) -> Option<Raw> {
                Some(Raw::Text(self.as_str().to_owned()))
            }
        }
    };
}

choice! {
    /// From whom passwords are taken without TLS.
    pub enum ClearText {
        /// From nobody.
        Never = "never",
        /// From this machine.
        Loopback = "loopback",
        /// From everyone.
        Always = "always",
    }
}

choice! {
    /// A file system that real mail should not be kept on.
    pub enum FileSystem {
        /// In memory.
        Tmpfs = "tmpfs",
        /// In memory.
        Ramfs = "ramfs",
        /// Layers, of a container as a rule: gone with it.
        Overlay = "overlayfs",
        /// On another machine.
        Nfs = "nfs",
        /// By a program.
        Fuse = "fuse",
        /// On another machine.
        Cifs = "cifs",
        /// On another machine.
        Smb = "smb2",
        /// On the host of a virtual machine.
        Plan9 = "9p",
    }
}

choice! {
    /// What stands between the names of a folder and of the folder in it.
    pub enum ImapSeparator {
        /// `/`.
        Slash = "/",
        /// `.`.
        Dot = ".",
    }
}

choice! {
    /// Which addresses of another host are tried.
    pub enum Internet {
        /// Both kinds in turns, IPv4 first.
        Ipv4First = "ipv4-first",
        /// Both kinds in turns, IPv6 first.
        Ipv6First = "ipv6-first",
        /// IPv4 alone.
        Ipv4 = "ipv4",
        /// IPv6 alone.
        Ipv6 = "ipv6",
    }
}

choice! {
    /// The form of the log.
    pub enum LogFormat {
        /// For people.
        Text = "text",
        /// One object a line.
        Json = "json",
    }
}

choice! {
    /// What is logged: this and all that is graver.
    pub enum LogLevel {
        /// Someone should look now.
        Error = "error",
        /// Someone should look this week.
        Warn = "warn",
        /// One line for each transaction and login.
        Info = "info",
        /// Also the mistakes of peers.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// How much of a person is written down.
    pub enum LogPrivacy {
        /// Mail addresses and peers' addresses as they are.
        Full = "full",
        /// Peers' addresses without their last part: /24 or /48.
        TruncatedIp = "truncated-ip",
        /// Names that stand for mail addresses, and truncated peers' addresses.
        Pseudonym = "pseudonym",
    }
}

choice! {
    /// TLS towards the smarthost.
    pub enum RelayTls {
        /// STARTTLS where it is offered, with any certificate; clear text otherwise.
        Opportunistic = "opportunistic",
        /// STARTTLS with a certificate for its name, or nothing is sent.
        Require = "require",
        /// TLS from the start (RFC 8314 §3.3) with a certificate for its name.
        Implicit = "implicit",
        /// Clear text.
        Off = "off",
    }
}

choice! {
    /// Whose addresses an account may send from.
    pub enum Senders {
        /// Its own: the account's and its aliases'.
        Own = "own",
        /// Anyone's.
        Any = "any",
    }
}

choice! {
    /// STARTTLS between servers.
    pub enum StartTls {
        /// Offered; clear text is taken.
        Offer = "offer",
        /// Not offered.
        Off = "off",
        /// No mail without it.
        Require = "require",
    }
}

choice! {
    /// STARTTLS on the submission port.
    pub enum SubmissionStartTls {
        /// No login and no mail without it.
        Require = "require",
        /// Offered; clear text is taken, passwords as `auth.cleartext` says.
        Offer = "offer",
    }
}

impl RelayTls {
    /// Whether nothing is sent without TLS and a certificate for the name.
    pub fn is_strict(self) -> bool {
        matches!(self, Self::Require | Self::Implicit)
    }
}

impl ImapSeparator {
    /// The character.
    pub fn as_char(self) -> char {
        match self {
            Self::Slash => '/',
            Self::Dot => '.',
        }
    }
}
