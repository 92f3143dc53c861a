//! Certificates: files, choice by name, self-signed authority.
