//! The partitions of one manifest: many of its entries share one.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow_array::ArrayRef;
use fastdata_kernels::predicate::Bound;

use super::Planner;
use crate::avro::Node;
use crate::partition::{
    PartitionFacts, PartitionSpec, RawValue, Transform, Tuple, label, tuple_key,
};
use crate::value::null_array;
use crate::{Error, Result};

/// What follows from a partition tuple, worked out once.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) key: Vec<u8>,
    pub(super) label: Arc<str>,
    pub(super) constants: Arc<[(i32, ArrayRef)]>,
    /// The tuple as a value of the planner's partition type, when it has one.
    pub(super) value: Option<ArrayRef>,
    pub(super) facts: PartitionFacts,
    /// What the partition leaves of the condition.
    pub(super) residual: Bound,
}

/// Partitions by their encoded tuples.
pub(super) struct PartitionCache<'a> {
    planner: &'a Planner,
    spec: &'a PartitionSpec,
    node: &'a Node,
    known: HashMap<Vec<u8>, Arc<Partition>, RandomState>,
    /// Entries of one partition often follow each other.
    last: Option<(Vec<u8>, Arc<Partition>)>,
}

impl<'a> PartitionCache<'a> {
    pub(super) fn new(planner: &'a Planner, spec: &'a PartitionSpec, node: &'a Node) -> Self {
        Self {
            planner,
            spec,
            node,
            known: HashMap::default(),
            last: None,
        }
    }

    /// The partition with this encoded tuple.
    pub(super) fn partition(&mut self, encoded: &[u8]) -> Result<Arc<Partition>> {
        if let Some((last, partition)) = &self.last
            && last == encoded
        {
            return Ok(Arc::clone(partition));
        }
        let partition = match self.known.get(encoded) {
            Some(partition) => Arc::clone(partition),
            None => {
                let partition = Arc::new(self.work_out(encoded)?);
                self.known.insert(encoded.to_vec(), Arc::clone(&partition));
                partition
            }
        };
        self.last = Some((encoded.to_vec(), Arc::clone(&partition)));
        Ok(partition)
    }

    fn work_out(&self, encoded: &[u8]) -> Result<Partition> {
        let types = &self.planner.source_types;
        let tuple = Tuple::read(encoded, self.node, self.spec)?;
        let facts = PartitionFacts::of_tuple(self.spec, &tuple, types, &self.planner.wanted);
        Ok(Partition {
            key: tuple_key(self.spec, &tuple, types),
            label: label(self.spec, &tuple, types).into(),
            constants: self.constants(&tuple)?.into(),
            value: match &self.planner.partition_type {
                Some(of) => Some(of.value(self.spec, &tuple)?),
                None => None,
            },
            residual: self.planner.settle_by_partition(&facts),
            facts,
        })
    }

    /// The values of the columns that are partitioned by identity.
    fn constants(&self, tuple: &Tuple) -> Result<Vec<(i32, ArrayRef)>> {
        let mut constants = Vec::new();
        for (field, raw) in self.spec.fields.iter().zip(&tuple.0) {
            if field.transform != Transform::Identity {
                continue;
            }
            let Some(of) = self.planner.view.schema.primitive(field.source_id) else {
                continue;
            };
            let constant = match raw {
                RawValue::Missing => continue,
                RawValue::Null => null_array(of)?,
                _ => {
                    let value = raw.typed(of).ok_or_else(|| {
                        Error::corrupt(format!(
                            "the value of partition field {:?} is not a {of}",
                            field.name
                        ))
                    })?;
                    value.to_array(of)?
                }
            };
            constants.push((field.source_id, constant));
        }
        Ok(constants)
    }
}
