//! Domains.

use postroom_mail::address::Domain;
use postroom_store::operation::{self, DomainKind};
use serde_json::Value;

use crate::answer::{self, Failure};
use crate::handler::{Admin, address, told};

impl Admin {
    pub(crate) async fn domain_add(
        &self,
        name: &str,
        catch_all: Option<String>,
        alias_of: Option<String>,
    ) -> Result<Value, Failure> {
        let name = domain(name)?.as_str().into();
        let put = match (catch_all, alias_of) {
            (Some(_), Some(_)) => {
                return Err(Failure::new(
                    "an alias domain has no catch-all of its own",
                    "give --catch-all to the domain that it stands for",
                ));
            }
            (None, Some(target)) => operation::Domain {
                name,
                kind: DomainKind::Alias,
                catch_all: None,
                target: Some(domain(&target)?.as_str().into()),
            },
            (catch_all, None) => {
                let catch_all = catch_all.map(|text| address(&text)).transpose()?;
                let catch_all = catch_all.map(|address| address.lookup_key().into());
                operation::Domain {
                    name,
                    kind: DomainKind::Local,
                    catch_all,
                    target: None,
                }
            }
        };
        self.directory.put_domain(put).await?;
        Ok(Value::Null)
    }

    pub(crate) async fn domain_pass_on(&self, name: &str) -> Result<Value, Failure> {
        let put = operation::Domain {
            name: domain(name)?.as_str().into(),
            kind: DomainKind::Relay,
            catch_all: None,
            target: None,
        };
        self.directory.put_domain(put).await?;
        Ok(Value::Null)
    }

    pub(crate) async fn domain_list(&self) -> Result<Value, Failure> {
        let domains = self.directory.domains().await?.into_iter().map(row);
        told(&domains.collect::<Vec<_>>())
    }

    pub(crate) async fn domain_remove(&self, name: &str) -> Result<Value, Failure> {
        self.directory.remove_domain(&domain(name)?).await?;
        Ok(Value::Null)
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
