//! The Arrow schema of a file.
//!
//! Parquet's own types decide. The Arrow schema that some writers embed only refines them where the
//! stored value is the same either way (a zone's name, an unsigned or narrow integer, a duration, a
//! fixed-size list); it never turns bytes into text and never changes a scale or a unit.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, Schema, TimeUnit};
use parquet::arrow::{
    PARQUET_FIELD_ID_META_KEY, ProjectionMask, parquet_to_arrow_field_levels,
    parquet_to_arrow_schema,
};
use parquet::basic::Type;
use parquet::file::metadata::FileMetaData;
use parquet::schema::types::SchemaDescriptor;

use crate::contain::contained;
use crate::embedded::is_usable;
use crate::{Error, ReadOptions, Result, StringLayout};

/// The schema that a file's columns come out with.
pub(crate) fn arrow_schema(file: &FileMetaData, options: &ReadOptions) -> Result<Schema> {
    let descr = file.schema_descr();
    let native = contained("schema", || {
        let native = parquet_to_arrow_schema(descr, None);
        native.map_err(|error| {
            Error::unsupported("a column's type has no Arrow counterpart").with_source(error)
        })
    })?;
    // A hint that cannot be read is no hint.
    let hinted = is_usable(file).then(|| {
        contained("embedded Arrow schema", || {
            Ok(parquet_to_arrow_schema(descr, file.key_value_metadata())?)
        })
    });
    let hinted = hinted.and_then(Result::ok);
    let hinted_fields = hinted.as_ref().map(Schema::fields);
    let mut walk = Walk {
        descr,
        options,
        leaf: 0,
        nullable_levels: 0,
    };
    let fields = walk.fields(native.fields(), hinted_fields);
    if walk.leaf != descr.num_columns() {
        return Err(Error::unsupported(
            "columns that Arrow's schema has no place for",
        ));
    }
    let metadata = hinted.map(|schema| schema.metadata).unwrap_or_default();
    let schema = Schema::new_with_metadata(fields, metadata);
    // What the decoders will be given has to be what they accept.
    let accepted = parquet_to_arrow_field_levels(
        descr,
        ProjectionMask::none(descr.num_columns()),
        Some(schema.fields()),
    );
    accepted.map_err(Error::from)?;
    Ok(schema)
}

/// Leaf columns below a field of this type.
pub(crate) fn leaf_count(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields
            .iter()
            .map(|field| leaf_count(field.data_type()))
            .sum(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => leaf_count(field.data_type()),
        _ => 1,
    }
}

struct Walk<'a> {
    descr: &'a SchemaDescriptor,
    options: &'a ReadOptions,
    leaf: usize,
    /// Fields that may be null on the way to the current one, itself included.
    nullable_levels: usize,
}

impl Walk<'_> {
    fn fields(&mut self, native: &Fields, hinted: Option<&Fields>) -> Fields {
        let hinted = hinted.filter(|hinted| hinted.len() == native.len());
        let hint = |index: usize| hinted.and_then(|fields| fields.get(index));
        native
            .iter()
            .enumerate()
            .map(|(index, field)| self.field(field, hint(index)))
            .collect()
    }

    fn field(&mut self, native: &FieldRef, hinted: Option<&FieldRef>) -> FieldRef {
        self.nullable_levels += usize::from(native.is_nullable());
        let hint = hinted.map(|field| field.data_type());
        // The slots of a null fixed-size list are null items, which items must then be able to be.
        let hint = hint.filter(|hint| match hint {
            DataType::FixedSizeList(item, _) => item.is_nullable() || self.nullable_levels == 0,
            _ => true,
        });
        let data_type = self.data_type(native.data_type(), hint);
        self.nullable_levels -= usize::from(native.is_nullable());
        let mut metadata = hinted
            .map(|field| field.metadata().clone())
            .unwrap_or_default();
        // The footer's own id is the one that counts.
        metadata.remove(PARQUET_FIELD_ID_META_KEY);
        for (key, value) in native.metadata() {
            metadata.insert(key.clone(), value.clone());
        }
        Arc::new(Field::new(native.name(), data_type, native.is_nullable()).with_metadata(metadata))
    }

    fn data_type(&mut self, native: &DataType, hinted: Option<&DataType>) -> DataType {
        match (native, hinted) {
            (DataType::Struct(fields), Some(DataType::Struct(hints))) => {
                DataType::Struct(self.fields(fields, Some(hints)))
            }
            (DataType::Struct(fields), _) => DataType::Struct(self.fields(fields, None)),
            (DataType::List(item), Some(DataType::LargeList(hint))) => {
                DataType::LargeList(self.field(item, Some(hint)))
            }
            (DataType::List(item), Some(DataType::FixedSizeList(hint, len))) => {
                DataType::FixedSizeList(self.field(item, Some(hint)), *len)
            }
            (DataType::List(item), Some(DataType::List(hint))) => {
                DataType::List(self.field(item, Some(hint)))
            }
            (DataType::List(item), _) => DataType::List(self.field(item, None)),
            (DataType::Map(entries, sorted), Some(DataType::Map(hint, _))) => {
                DataType::Map(self.field(entries, Some(hint)), *sorted)
            }
            (DataType::Map(entries, sorted), _) => {
                DataType::Map(self.field(entries, None), *sorted)
            }
            (leaf, hint) => self.leaf(leaf, hint),
        }
    }

    fn leaf(&mut self, native: &DataType, hinted: Option<&DataType>) -> DataType {
        let physical = self
            .descr
            .columns()
            .get(self.leaf)
            .map(|column| column.physical_type());
        self.leaf += 1;
        let hinted = match hinted {
            Some(DataType::Dictionary(_, value)) => Some(value.as_ref()),
            other => other,
        };
        let exact = match hinted {
            Some(hint) if is_exact(native, hint, physical) => hint,
            _ => native,
        };
        match exact {
            DataType::Timestamp(_, zone) if physical == Some(Type::INT96) => {
                DataType::Timestamp(self.options.int96, zone.clone())
            }
            DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
            other => self.string_layout(other),
        }
    }

    fn string_layout(&self, data_type: &DataType) -> DataType {
        let text = matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        );
        let binary = matches!(
            data_type,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView
        );
        match (self.options.strings, text, binary) {
            (StringLayout::View, true, _) => DataType::Utf8View,
            (StringLayout::Offsets, true, _) => DataType::Utf8,
            (StringLayout::LargeOffsets, true, _) => DataType::LargeUtf8,
            (StringLayout::View, _, true) => DataType::BinaryView,
            (StringLayout::Offsets, _, true) => DataType::Binary,
            (StringLayout::LargeOffsets, _, true) => DataType::LargeBinary,
            _ => data_type.clone(),
        }
    }
}

/// Whether reading `native` as `hint` gives every value exactly.
fn is_exact(native: &DataType, hint: &DataType, physical: Option<Type>) -> bool {
    match (native, hint) {
        (DataType::Int64, DataType::Timestamp(_, _) | DataType::Duration(_) | DataType::Date64)
        | (DataType::Int64, DataType::Time64(_))
        | (DataType::Int32, DataType::Time32(_))
        | (DataType::Date32, DataType::Date64) => true,
        // Another zone's name for the same instants; a local time gets none.
        (DataType::Timestamp(stored, Some(_)), DataType::Timestamp(unit, Some(_))) => {
            stored == unit
        }
        (DataType::Decimal128(p, s), DataType::Decimal32(hp, hs)) => {
            p == hp && s == hs && physical == Some(Type::INT32)
        }
        (DataType::Decimal128(p, s), DataType::Decimal64(hp, hs)) => {
            p == hp && s == hs && matches!(physical, Some(Type::INT32 | Type::INT64))
        }
        (DataType::Decimal128(p, s), DataType::Decimal256(hp, hs)) => p == hp && s == hs,
        _ => false,
    }
}

/// The unit of INT96 columns that arrow-rs converts without checking.
pub(crate) fn is_unchecked_int96(physical: Type, unit: TimeUnit) -> bool {
    physical == Type::INT96 && unit == TimeUnit::Nanosecond
}
