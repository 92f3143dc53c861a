pub mod fetch;
pub mod idle;
pub mod mixed;
pub mod pop3;
pub mod relay;
pub mod search;
pub mod server;
pub mod smtp;
