//! Every metric, once.

use super::instrument::{By, Counter, Gauge, Histogram, Instrument, Plans, Seconds};
use super::label::{
    Attempt, Direction, EntryState, Fate, Handshake, HttpPage, HttpStatus, ImapCommand,
    LoginOutcome, RecipientVerdict, Refusal, Role, Stage, TransactionOutcome,
};

/// A metric as it was declared.
pub(super) struct Metric {
    pub(super) area: &'static str,
    pub(super) area_help: &'static str,
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

/// Declares the areas with their metrics.
macro_rules! catalogue {
    ($(
        #[doc = $area_doc:literal]
        $area:ident: $Area:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $kind:ty = $name:literal;
            )+
        }
    )+) => {
        $(
            #[doc = $area_doc]
            #[derive(Debug, Default)]
            pub struct $Area {
                $(
                    $(#[doc = $doc])+
                    #[doc = ""]
                    #[doc = concat!("As `", $name, "`.")]
                    pub $field: $kind,
                )+
            }
        )+

        /// All metrics of a house, by area.
        #[derive(Debug, Default)]
        pub struct Catalogue {
            $(
                #[doc = $area_doc]
                pub $area: $Area,
            )+
        }

        impl Catalogue {
            /// Shows every metric, in the order in which they are declared.
            pub(super) fn each(&self, mut show: impl FnMut(&Metric, &dyn Instrument)) {
                $($(
                    let metric = Metric {
                        area: stringify!($area),
                        area_help: $area_doc.trim_ascii(),
                        name: $name,
                        help: concat!($($doc),+).trim_ascii(),
                    };
                    show(&metric, &self.$area.$field);
                )+)+
            }
        }
    };
}

catalogue! {
    /// Connections.
    net: Net {
        /// Connections that became a session.
        connections: By<Role, Counter> = "postroom_net_connections_total";
        /// Connections that were turned away at a bound.
        refused: By<Role, By<Refusal, Counter>> = "postroom_net_refused_total";
        /// Sessions that are open now.
        sessions: By<Role, Gauge> = "postroom_net_sessions";
        /// TLS handshakes.
        handshakes: By<Role, By<Handshake, Counter>> = "postroom_net_handshakes_total";
        /// Octets on the wire, those of TLS among them.
        octets: By<Role, By<Direction, Counter>> = "postroom_net_bytes_total";
        /// Sessions that a panic ended: each is a bug of postroom.
        panics: Counter = "postroom_net_panics_total";
    }

    /// Logins, by every protocol.
    login: Login {
        /// Attempts to sign in.
        attempts: By<Role, By<LoginOutcome, Counter>> = "postroom_login_attempts_total";
    }

    /// Mail coming in.
    intake: Intake {
        /// Transactions, by how they ended.
        transactions: By<Role, By<TransactionOutcome, Counter>> = "postroom_intake_transactions_total";
        /// Recipients, by what they were told at RCPT.
        recipients: By<Role, By<RecipientVerdict, Counter>> = "postroom_intake_recipients_total";
        /// Refusals, permanent and temporary, by the stage or part that refused.
        refusals: By<Stage, Counter> = "postroom_intake_refusals_total";
        /// From the end of the data to its reply: judging, planning and the commit.
        end_of_data: Histogram<Seconds> = "postroom_intake_end_of_data_seconds";
    }

    /// What becomes of accepted mail.
    delivery: Delivery {
        /// Recipients of accepted messages, by their fate at acceptance.
        recipients: By<Fate, Counter> = "postroom_delivery_recipients_total";
    }

    /// What waits.
    queue: Queue {
        /// Entries of the queue: one recipient of one message each.
        entries: By<EntryState, Gauge> = "postroom_queue_entries";
    }

    /// Mail going out.
    relay: Relay {
        /// Attempts, one for each recipient, by how they ended.
        attempts: By<Attempt, Counter> = "postroom_relay_attempts_total";
        /// Connections to next hops that are open now.
        connections: Gauge = "postroom_relay_connections";
        /// From the lease of a message for one next hop to its outcome.
        attempt_time: Histogram<Seconds> = "postroom_relay_attempt_seconds";
    }

    /// The log and its database.
    store: Store {
        /// Plans that were made durable.
        plans: Counter = "postroom_store_plans_total";
        /// Plans that shared one sync.
        batch: Histogram<Plans> = "postroom_store_batch_plans";
        /// Writing one batch to the log and making it durable.
        sync: Histogram<Seconds> = "postroom_store_sync_seconds";
        /// Octets of batches that were written to the log.
        log_octets: Counter = "postroom_store_log_bytes_total";
        /// Octets that are free on the disk of the data directory.
        free_octets: Gauge = "postroom_store_free_bytes";
        /// Octets that stay free: below them no mail is taken (`store.reserve`).
        reserve_octets: Gauge = "postroom_store_reserve_bytes";
        /// 1 while no change is taken, after a failure of the log or of the database.
        is_stopped: Gauge = "postroom_store_stopped";
    }

    /// Reading mail.
    retrieval: Retrieval {
        /// Commands of IMAP that were carried out.
        commands: By<ImapCommand, Counter> = "postroom_retrieval_commands_total";
    }

    /// This interface.
    http: Http {
        /// Requests.
        requests: By<HttpPage, By<HttpStatus, Counter>> = "postroom_http_requests_total";
    }

    /// The process.
    process: Process {
        /// When the server started, in seconds since 1970.
        start: Gauge = "postroom_process_start_time_seconds";
        /// Memory that the process has in use.
        resident_octets: Gauge = "postroom_process_resident_bytes";
        /// Files and connections that are open.
        open_files: Gauge = "postroom_process_open_files";
    }
}
