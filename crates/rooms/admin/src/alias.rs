//! Aliases.

use serde_json::Value;

use crate::answer::{self, Failure};
use crate::handler::{Admin, address, told};

impl Admin {
    pub(crate) async fn alias_add(&self, name: &str, members: &[String]) -> Result<Value, Failure> {
        let members = members
            .iter()
            .map(|member| address(member))
            .collect::<Result<Vec<_>, _>>()?;
        self.directory.put_alias(&address(name)?, &members).await?;
        Ok(Value::Null)
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
        Ok(Value::Null)
    }
}
