//! Aliases.

use postroom_mail::address::Address;
use serde_json::{Value, json};

use crate::answer::{self, Failure};
use crate::handler::{Admin, address, told};

impl Admin {
    pub(crate) async fn alias_add(
        &self,
        name: &str,
        members: &[String],
        replace: bool,
    ) -> Result<Value, Failure> {
        let members = members
            .iter()
            .map(|member| address(member))
            .collect::<Result<Vec<_>, _>>()?;
        let address = address(name)?;
        let known = self.store.alias(&address.lookup_key()).await?;
        if let Some(known) = known.as_ref().filter(|_| !replace) {
            return Err(Failure::new(
                format!("{name} stands for {} already", known.members.join(" ")),
                "say --replace to change that",
            ));
        }
        self.directory.put_alias(&address, &members).await?;
        let members: Vec<_> = members.iter().map(Address::to_string).collect();
        Ok(json!({ "address": name, "members": members, "replaced": known.is_some() }))
    }

    pub(crate) async fn alias_list(&self) -> Result<Value, Failure> {
        let aliases = self
            .directory
            .aliases()
            .await?
            .into_iter()
            .map(|alias| answer::Alias {
                address: alias.address.into(),
                members: alias.members.into_iter().map(Into::into).collect(),
            });
        told(&aliases.collect::<Vec<_>>())
    }

    pub(crate) async fn alias_remove(&self, name: &str) -> Result<Value, Failure> {
        self.directory.remove_alias(&address(name)?).await?;
        Ok(json!({ "removed": name }))
    }
}
