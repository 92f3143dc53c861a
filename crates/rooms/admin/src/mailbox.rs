//! Mailboxes of an account.

use postroom_mail::flag::SpecialUse;
use postroom_mail::mailbox_name::MailboxName;
use postroom_store::operation::{NewMailbox, Operation};
use postroom_store::plan::Plan;
use postroom_store::row::Mailbox;
use serde_json::{Value, json};

use crate::answer::{self, Failure};
use crate::handler::{Admin, address, told};

/// Separates the parts of a name on the command line.
const SEPARATOR: char = '/';

impl Admin {
    pub(crate) async fn mailbox_create(&self, of: &str, name: &str) -> Result<Value, Failure> {
        let account = self.directory.account(&address(of)?).await?.id;
        let mailbox = NewMailbox {
            name: parse(name)?,
            special_use: None,
            is_subscribed: true,
        };
        self.commit(Operation::CreateMailbox { account, mailbox })
            .await?;
        Ok(json!({ "address": of, "name": name }))
    }

    pub(crate) async fn mailbox_list(&self, of: &str) -> Result<Value, Failure> {
        let account = self.directory.account(&address(of)?).await?.id;
        let mailboxes = self.store.mailboxes(account).await?;
        let ids: Vec<_> = mailboxes.iter().map(|mailbox| mailbox.id).collect();
        let counts = self.store.counts(account, &ids).await?;
        let rows = mailboxes
            .into_iter()
            .zip(counts)
            .map(|(mailbox, counts)| answer::Mailbox {
                name: mailbox.name.join(SEPARATOR),
                messages: counts.messages,
                unseen: counts.unseen,
                octets: counts.octets,
                uid_validity: mailbox.uid_validity.number(),
                special_use: mailbox.special_use.map(attribute),
            });
        told(&rows.collect::<Vec<_>>())
    }

    pub(crate) async fn mailbox_remove(&self, of: &str, name: &str) -> Result<Value, Failure> {
        let mailbox = self.find(of, name).await?;
        self.commit(Operation::DeleteMailbox {
            account: mailbox.account,
            mailbox: mailbox.id,
        })
        .await?;
        Ok(json!({ "address": of, "removed": name }))
    }

    pub(crate) async fn mailbox_rename(
        &self,
        of: &str,
        name: &str,
        to: &str,
    ) -> Result<Value, Failure> {
        let mailbox = self.find(of, name).await?;
        self.commit(Operation::RenameMailbox {
            account: mailbox.account,
            mailbox: mailbox.id,
            name: parse(to)?,
        })
        .await?;
        Ok(json!({ "address": of, "name": to }))
    }

    async fn find(&self, of: &str, name: &str) -> Result<Mailbox, Failure> {
        let account = self.directory.account(&address(of)?).await?.id;
        let found = self.store.mailbox(account, &parse(name)?).await?;
        found.ok_or_else(|| {
            Failure::new(
                format!("{of} has no mailbox {name:?}"),
                format!("see: postroom mailbox list {of}"),
            )
        })
    }

    async fn commit(&self, operation: Operation) -> Result<(), Failure> {
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time: self.clock.wall(),
            operations: vec![operation],
            journal: Vec::new(),
            body: None,
        };
        self.store.commit(plan).await?;
        Ok(())
    }
}

fn parse(name: &str) -> Result<MailboxName, Failure> {
    MailboxName::parse(name, SEPARATOR)
        .map_err(|error| Failure::new(format!("{name:?}: {error}"), "write it as Parent/Child"))
}

fn attribute(special_use: SpecialUse) -> String {
    let found = SpecialUse::ALL
        .into_iter()
        .find(|(one, _)| *one == special_use);
    found.map(|(_, name)| name.to_owned()).unwrap_or_default()
}
