//! The one typed tree of settings.
