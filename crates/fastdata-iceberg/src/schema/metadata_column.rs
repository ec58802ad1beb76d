//! Columns that the format defines for every table beside its own: where a row lies, and its
//! lineage.

/// Field ids from here on are the format's own.
const FIRST_RESERVED_ID: i32 = i32::MAX - 199;

/// Whether no column of a table can have this field id.
pub(crate) fn is_reserved_id(id: i32) -> bool {
    id >= FIRST_RESERVED_ID
}

/// A column of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetadataColumn {
    /// The path of the data file that the row is in, as the manifest spells it.
    File,
    /// The row's number in its data file, from 0; rows that are deleted count.
    Position,
    /// Whether the row is deleted.
    Deleted,
    /// The partition spec of the row's data file.
    SpecId,
    /// The partition of the row's data file.
    Partition,
    /// What identifies the row as long as it lives.
    RowId,
    /// The sequence number of the commit that changed the row last.
    LastUpdatedSequenceNumber,
}

impl MetadataColumn {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::File,
        Self::Position,
        Self::Deleted,
        Self::SpecId,
        Self::Partition,
        Self::RowId,
        Self::LastUpdatedSequenceNumber,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "_file",
            Self::Position => "_pos",
            Self::Deleted => "_deleted",
            Self::SpecId => "_spec_id",
            Self::Partition => "_partition",
            Self::RowId => "_row_id",
            Self::LastUpdatedSequenceNumber => "_last_updated_sequence_number",
        }
    }

    /// Its field id.
    pub fn field_id(self) -> i32 {
        i32::MAX
            - match self {
                Self::File => 1,
                Self::Position => 2,
                Self::Deleted => 3,
                Self::SpecId => 4,
                Self::Partition => 5,
                Self::RowId => 107,
                Self::LastUpdatedSequenceNumber => 108,
            }
    }

    /// The column with this field id.
    pub fn of_id(id: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.field_id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that the format's table of reserved field ids gives.
    #[test]
    fn ids_are_those_of_the_format() {
        let ids = MetadataColumn::ALL.map(MetadataColumn::field_id);
        let expected = [
            2_147_483_646,
            2_147_483_645,
            2_147_483_644,
            2_147_483_643,
            2_147_483_642,
            2_147_483_540,
            2_147_483_539,
        ];
        assert_eq!(ids, expected);
        assert!(ids.into_iter().all(is_reserved_id));
        assert!(!is_reserved_id(2_147_483_447));
        assert!(is_reserved_id(2_147_483_448));
    }
}
