//! Domains.

use postroom_mail::address::Domain;
use postroom_store::operation::{self, DomainKind};
use serde_json::{Value, json};

use crate::answer::{self, Failure};
use crate::handler::{Admin, address, told};

impl Admin {
    pub(crate) async fn domain_add(
        &self,
        put: operation::Domain,
        replace: bool,
    ) -> Result<Value, Failure> {
        let name = put.name.clone();
        let known = self.store.domain(&name).await?;
        if known.is_some() && !replace {
            return Err(Failure::new(
                format!("{name} is there already"),
                "see it with: postroom domain list; say --replace to change it",
            ));
        }
        self.directory.put_domain(put).await?;
        Ok(json!({ "domain": &*name, "replaced": known.is_some() }))
    }

    pub(crate) async fn domain_list(&self) -> Result<Value, Failure> {
        let domains = self.directory.domains().await?.into_iter().map(row);
        told(&domains.collect::<Vec<_>>())
    }

    pub(crate) async fn domain_remove(&self, name: &str) -> Result<Value, Failure> {
        self.directory.remove_domain(&domain(name)?).await?;
        Ok(json!({ "removed": name }))
    }
}

/// The domain that an operator describes.
pub(crate) fn read(
    name: &str,
    catch_all: Option<String>,
    alias_of: Option<String>,
    relay: bool,
) -> Result<operation::Domain, Failure> {
    let put = operation::Domain {
        name: domain(name)?.as_str().into(),
        kind: DomainKind::Local,
        catch_all: None,
        target: None,
    };
    match (catch_all, alias_of, relay) {
        (None, Some(target), false) => Ok(operation::Domain {
            kind: DomainKind::Alias,
            target: Some(domain(&target)?.as_str().into()),
            ..put
        }),
        (None, None, true) => Ok(operation::Domain {
            kind: DomainKind::Relay,
            ..put
        }),
        (catch_all, None, false) => {
            let catch_all = catch_all.map(|text| address(&text)).transpose()?;
            Ok(operation::Domain {
                catch_all: catch_all.map(|address| address.lookup_key().into()),
                ..put
            })
        }
        _ => Err(Failure::new(
            "a domain has a catch-all, stands for another, or is passed on: one of them",
            "give one of --catch-all, --alias-of and --relay",
        )),
    }
}

fn row(domain: operation::Domain) -> answer::Domain {
    let kind = match domain.kind {
        DomainKind::Local => "local",
        DomainKind::Relay => "relay",
        DomainKind::Alias => "alias",
    };
    answer::Domain {
        name: domain.name.into(),
        kind: kind.to_owned(),
        catch_all: domain.catch_all.map(Into::into),
        alias_of: domain.target.map(Into::into),
    }
}

fn domain(text: &str) -> Result<Domain, Failure> {
    let parsed = Domain::parse(text)
        .ok()
        .filter(|domain| !domain.is_literal());
    parsed.ok_or_else(|| Failure::new(format!("{text:?} is no domain"), "write it as example.org"))
}
