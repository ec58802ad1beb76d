//! Choosing, naming and taking apart columns: no value is touched.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::{DataFrame, Error, Result};

impl DataFrame {
    /// The named columns, in this order.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a column that is not there, or one named twice.
    pub fn select(&self, names: &[impl AsRef<str>]) -> Result<Self> {
        let mut indices = Vec::with_capacity(names.len());
        for name in names {
            let index = self.index_of(name.as_ref())?;
            if indices.contains(&index) {
                let name = name.as_ref();
                return Err(Error::invalid(format!("column `{name}` is named twice")));
            }
            indices.push(index);
        }
        self.project(&indices)
    }

    /// All columns but the named ones.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a column that is not there.
    pub fn drop(&self, names: &[impl AsRef<str>]) -> Result<Self> {
        let gone = names
            .iter()
            .map(|name| self.index_of(name.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        let kept: Vec<usize> = (0..self.num_columns())
            .filter(|index| !gone.contains(index))
            .collect();
        self.project(&kept)
    }

    /// The columns under other names: pairs of an old and a new one.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a column that is not there, or when two columns would have one name.
    pub fn rename(&self, names: &[(impl AsRef<str>, impl AsRef<str>)]) -> Result<Self> {
        let mut fields: Vec<FieldRef> = self.schema().fields().iter().cloned().collect();
        for (old, new) in names {
            let index = self.index_of(old.as_ref())?;
            fields[index] = Arc::new(Field::clone(&fields[index]).with_name(new.as_ref()));
        }
        check_names(&fields)?;
        let metadata = self.schema().metadata().clone();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        self.rebuild(schema, |batch| Ok(batch.columns().to_vec()))
    }

    /// The fields of the struct column `name` as columns in its place. Rows whose struct is null
    /// have null in each.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the column is not there or no struct, or when a field has the name of
    /// another column.
    pub fn unnest(&self, name: &str) -> Result<Self> {
        let index = self.index_of(name)?;
        let DataType::Struct(inner) = self.schema().field(index).data_type() else {
            let data_type = self.schema().field(index).data_type();
            return Err(Error::invalid(format!(
                "column `{name}` is {data_type}, not a struct"
            )));
        };
        let nullable = self.schema().field(index).is_nullable();
        let promoted = inner.iter().map(|field| {
            let nullable = nullable || field.is_nullable();
            Arc::new(Field::clone(field).with_nullable(nullable))
        });
        let mut fields: Vec<FieldRef> = self.schema().fields().iter().cloned().collect();
        fields.splice(index..=index, promoted);
        check_names(&fields)?;
        let metadata = self.schema().metadata().clone();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        self.rebuild(schema, |batch| {
            let mut columns = batch.columns().to_vec();
            let parent = batch.column(index).as_struct();
            let promoted = parent
                .columns()
                .iter()
                .map(|child| with_parent_nulls(child, parent.nulls()));
            columns.splice(index..=index, promoted.collect::<Result<Vec<_>>>()?);
            Ok(columns)
        })
    }

    fn project(&self, indices: &[usize]) -> Result<Self> {
        let schema = self.schema().project(indices);
        let schema = schema.map_err(|cause| Error::invalid("columns").with_source(cause))?;
        self.rebuild(Arc::new(schema), |batch| {
            let columns = indices.iter().map(|index| Arc::clone(batch.column(*index)));
            Ok(columns.collect())
        })
    }

    fn rebuild(
        &self,
        schema: SchemaRef,
        columns: impl Fn(&RecordBatch) -> Result<Vec<ArrayRef>>,
    ) -> Result<Self> {
        let chunks = self
            .batches()
            .iter()
            .map(|batch| batch_of(Arc::clone(&schema), columns(batch)?, batch.num_rows()));
        let chunks = chunks.collect::<Result<Vec<_>>>()?;
        Ok(Self::of_chunks(schema, chunks))
    }
}

/// A batch of `rows` rows, also when it has no column.
pub(crate) fn batch_of(
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
        .map_err(|cause| Error::invalid("columns that do not make a batch").with_source(cause))
}

pub(crate) fn check_names(fields: &[FieldRef]) -> Result<()> {
    let mut names = HashSet::with_capacity(fields.len());
    match fields.iter().find(|field| !names.insert(field.name())) {
        None => Ok(()),
        Some(twice) => Err(Error::invalid(format!(
            "two columns would be called `{}`",
            twice.name()
        ))),
    }
}

/// A child of a struct shows its own nulls only; a null struct hides what is below.
pub(crate) fn with_parent_nulls(child: &ArrayRef, parent: Option<&NullBuffer>) -> Result<ArrayRef> {
    let Some(parent) = parent.filter(|nulls| nulls.null_count() > 0) else {
        return Ok(Arc::clone(child));
    };
    if *child.data_type() == DataType::Null {
        return Ok(Arc::clone(child));
    }
    if matches!(
        child.data_type(),
        DataType::Union(..) | DataType::RunEndEncoded(..)
    ) {
        return Err(Error::unsupported(format!(
            "fields of type {} of a struct that is null in some rows",
            child.data_type()
        )));
    }
    let nulls = NullBuffer::union(child.nulls(), Some(parent));
    let builder = child.to_data().into_builder().nulls(nulls);
    let data = builder.build().map_err(|cause| {
        Error::invalid("a struct whose fields do not fit it").with_source(cause)
    })?;
    Ok(arrow_array::make_array(data))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray, StructArray};

    use super::*;

    fn frame() -> DataFrame {
        let a: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let b: ArrayRef = Arc::new(StringArray::from(vec!["x", "y", "z"]));
        let fields = vec![
            Arc::new(Field::new("p", DataType::Int64, false)),
            Arc::new(Field::new("q", DataType::Utf8, true)),
        ];
        let nulls = NullBuffer::from(vec![true, false, true]);
        let columns = vec![Arc::clone(&a), Arc::clone(&b)];
        let s: ArrayRef = Arc::new(StructArray::new(fields.into(), columns, Some(nulls)));
        RecordBatch::try_from_iter_with_nullable([("a", a, false), ("s", s, true)])
            .unwrap()
            .into()
    }

    fn names(frame: &DataFrame) -> Vec<&str> {
        let fields = frame.schema().fields().iter();
        fields.map(|field| field.name().as_str()).collect()
    }

    #[test]
    fn chooses_and_names() {
        let frame = frame();
        assert_eq!(names(&frame.select(&["s", "a"]).unwrap()), ["s", "a"]);
        assert_eq!(names(&frame.drop(&["a"]).unwrap()), ["s"]);
        assert_eq!(names(&frame.rename(&[("a", "b")]).unwrap()), ["b", "s"]);
        // Names may change places.
        let swapped = frame.rename(&[("a", "t"), ("s", "a")]).unwrap();
        assert_eq!(names(&swapped), ["t", "a"]);
        assert!(frame.rename(&[("a", "s")]).is_err());
        assert!(frame.select(&["a", "a"]).is_err());
        let fields = frame.schema().fields();
        let twice = Schema::new([&fields[..], &fields[..1]].concat());
        assert!(DataFrame::new(Arc::new(twice), vec![]).is_err());
        let none = frame.select(&[""; 0]).unwrap();
        assert_eq!((none.num_rows(), none.num_columns()), (3, 0));
    }

    #[test]
    fn fields_of_null_structs_are_null() {
        let flat = frame().unnest("s").unwrap();
        assert_eq!(names(&flat), ["a", "p", "q"]);
        assert!(flat.schema().field(1).is_nullable());
        assert_eq!(flat.column("p").unwrap().null_count(), 1);
        assert_eq!(flat.column("q").unwrap().null_count(), 1);
        assert!(frame().unnest("a").is_err());
    }
}
