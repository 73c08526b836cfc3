//! Cordons as they are to be: which tenants are together, and what runs them. It must not know how any is started.
use std::collections::{HashMap, HashSet};

/// One process, as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CordonPlan {
    /// For the operator.
    pub name: String,
    /// The tenants by their numbers: what the process says of one is its place here.
    pub tenants: Vec<u32>,
    pub kind: CordonKind,
    /// What a running process cannot be given anew. When it differs, another process takes its place.
    pub shape: String,
}

/// What runs its tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CordonKind {
    /// A process of its own, which is confined.
    #[default]
    Process,
    /// A thread of this one, which is told of any tenant at any time; those that it is not to serve any more have their places.
    Loop { left: HashSet<u32> },
}

impl CordonPlan {
    pub(super) fn is_loop(&self) -> bool {
        matches!(self.kind, CordonKind::Loop { .. })
    }

    /// Whether who runs as this says can go on as the other one.
    pub(super) fn goes_on(&self, other: &CordonPlan) -> bool {
        self == other || self.is_loop() && other.is_loop() && self.name == other.name
    }

    /// Whether a tenant that has a place is to be served.
    pub(super) fn serves(&self, tenant: u32) -> bool {
        !matches!(&self.kind, CordonKind::Loop { left } if left.contains(&tenant))
    }

    /// Tenants' places by their numbers.
    pub(super) fn slots(&self) -> HashMap<u32, u32> {
        self.tenants.iter().copied().zip(0..).collect()
    }
}
