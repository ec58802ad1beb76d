import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.DeleteFile;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.PartitionKey;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.SchemaParser;
import org.apache.iceberg.SingleValueParser;
import org.apache.iceberg.StructLike;
import org.apache.iceberg.Table;
import org.apache.iceberg.data.GenericAppenderFactory;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.InternalRecordWrapper;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.deletes.EqualityDeleteWriter;
import org.apache.iceberg.deletes.PositionDelete;
import org.apache.iceberg.deletes.PositionDeleteWriter;
import org.apache.iceberg.encryption.EncryptedFiles;
import org.apache.iceberg.encryption.EncryptedOutputFile;
import org.apache.iceberg.encryption.EncryptionKeyMetadata;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.DataWriter;
import org.apache.iceberg.io.OutputFile;
import org.apache.iceberg.types.Type;
import org.apache.iceberg.types.Types;

/**
 * What Spark SQL cannot write or read: equality deletes, files of a schema of our choice, and the types that Spark
 * lacks (time, uuid, fixed, nanoseconds). Called from Python over py4j; rows come and go as Iceberg's single-value
 * JSON, so that no number loses its width on the way.
 */
public class IcebergFiles {
  private static EncryptedOutputFile output(Table table, String name) {
    OutputFile out = table.io().newOutputFile(table.location() + "/data/" + name);
    return EncryptedFiles.encryptedOutput(out, EncryptionKeyMetadata.EMPTY);
  }

  /** Single-value JSON of one row to a generic record of this schema. */
  public static Record record(Schema schema, String json) {
    Object row = SingleValueParser.fromJson(schema.asStruct(), json);
    return (Record) generic(schema.asStruct(), row);
  }

  /** From Iceberg's internal values (days, microseconds) to what its generic writers want (java.time). */
  private static Object generic(Type type, Object value) {
    if (value == null) {
      return null;
    }
    switch (type.typeId()) {
      case DATE:
        return LocalDate.ofEpochDay((Integer) value);
      case TIME:
        return LocalTime.ofNanoOfDay((Long) value * 1000);
      case TIMESTAMP:
        return timestamp(((Types.TimestampType) type).shouldAdjustToUTC(), (Long) value, 1_000_000L);
      case TIMESTAMP_NANO:
        return timestamp(((Types.TimestampNanoType) type).shouldAdjustToUTC(), (Long) value, 1_000_000_000L);
      case FIXED:
        return value instanceof ByteBuffer ? bytes((ByteBuffer) value) : value;
      case STRUCT:
        StructLike from = (StructLike) value;
        GenericRecord to = GenericRecord.create(type.asStructType());
        List<Types.NestedField> fields = type.asStructType().fields();
        for (int i = 0; i < fields.size(); i++) {
          to.set(i, generic(fields.get(i).type(), from.get(i, Object.class)));
        }
        return to;
      case LIST:
        List<Object> list = new ArrayList<>();
        for (Object element : (List<?>) value) {
          list.add(generic(type.asListType().elementType(), element));
        }
        return list;
      case MAP:
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          map.put(
              generic(type.asMapType().keyType(), entry.getKey()),
              generic(type.asMapType().valueType(), entry.getValue()));
        }
        return map;
      case STRING:
        return value.toString();
      default:
        return value;
    }
  }

  private static Object timestamp(boolean zoned, long value, long perSecond) {
    long nanos = Math.floorMod(value, perSecond) * (1_000_000_000L / perSecond);
    Instant instant = Instant.ofEpochSecond(Math.floorDiv(value, perSecond), nanos);
    return zoned
        ? OffsetDateTime.ofInstant(instant, ZoneOffset.UTC)
        : LocalDateTime.ofInstant(instant, ZoneOffset.UTC);
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] out = new byte[buffer.remaining()];
    buffer.duplicate().get(out);
    return out;
  }

  /** The partition of a row given as JSON, or null for an unpartitioned spec. */
  private static PartitionKey partition(Table table, PartitionSpec spec, String sampleJson) {
    if (spec.isUnpartitioned()) {
      return null;
    }
    Schema schema = table.schema();
    PartitionKey key = new PartitionKey(spec, schema);
    key.partition(new InternalRecordWrapper(schema.asStruct()).wrap(record(schema, sampleJson)));
    return key;
  }

  /** Writes one data file of the given schema (JSON, null: the table's) and returns it uncommitted. */
  public static DataFile dataFile(
      Table table, String schemaJson, int specId, List<String> rows, String name, String format) throws Exception {
    Schema schema = schemaJson == null ? table.schema() : SchemaParser.fromJson(schemaJson);
    PartitionSpec spec = table.specs().get(specId);
    GenericAppenderFactory factory = new GenericAppenderFactory(schema, spec);
    factory.setAll(table.properties());
    DataWriter<Record> writer =
        factory.newDataWriter(
            output(table, name), FileFormat.fromString(format), partition(table, spec, rows.get(0)));
    try (writer) {
      for (String row : rows) {
        writer.write(record(schema, row));
      }
    }
    return writer.toDataFile();
  }

  /** Writes one equality delete file; `schemaJson` is what its rows hold, `ids` what they are compared by. */
  public static DeleteFile equalityDeletes(
      Table table, String schemaJson, List<Integer> ids, int specId, String sample, List<String> rows, String name)
      throws Exception {
    Schema schema = SchemaParser.fromJson(schemaJson);
    PartitionSpec spec = table.specs().get(specId);
    int[] fieldIds = ids.stream().mapToInt(Integer::intValue).toArray();
    GenericAppenderFactory factory = new GenericAppenderFactory(table.schema(), spec, fieldIds, schema, null);
    factory.setAll(table.properties());
    EqualityDeleteWriter<Record> writer =
        factory.newEqDeleteWriter(output(table, name), FileFormat.PARQUET, partition(table, spec, sample));
    try (writer) {
      for (String row : rows) {
        writer.write(record(schema, row));
      }
    }
    return writer.toDeleteFile();
  }

  /** Writes one position delete file with these (path, position) pairs. */
  public static DeleteFile positionDeletes(
      Table table, int specId, String sample, List<String> paths, List<? extends Number> positions, String name)
      throws Exception {
    PartitionSpec spec = table.specs().get(specId);
    GenericAppenderFactory factory = new GenericAppenderFactory(table.schema(), spec, null, null, null);
    PositionDeleteWriter<Record> writer =
        factory.newPosDeleteWriter(output(table, name), FileFormat.PARQUET, partition(table, spec, sample));
    try (writer) {
      for (int i = 0; i < paths.size(); i++) {
        writer.write(PositionDelete.<Record>create().set(paths.get(i), positions.get(i).longValue()));
      }
    }
    return writer.toDeleteFile();
  }

  /** Every row of the table as Iceberg's own generic reader sees it, each as single-value JSON by field id. */
  public static List<String> rows(Table table, Long snapshotId) throws Exception {
    IcebergGenerics.ScanBuilder scan = IcebergGenerics.read(table);
    if (snapshotId != null) {
      scan = scan.useSnapshot(snapshotId);
    }
    List<String> out = new ArrayList<>();
    Types.StructType type = table.schema().asStruct();
    try (CloseableIterable<Record> records = scan.build()) {
      for (Record record : records) {
        out.add(SingleValueParser.toJson(type, internal(type, record)));
      }
    }
    return out;
  }

  private static Object internal(Type type, Object value) {
    if (value == null) {
      return null;
    }
    switch (type.typeId()) {
      case DATE:
        return Math.toIntExact(((LocalDate) value).toEpochDay());
      case TIME:
        return ((LocalTime) value).toNanoOfDay() / 1000;
      case TIMESTAMP:
        return epoch(value, 1_000_000L);
      case TIMESTAMP_NANO:
        return epoch(value, 1_000_000_000L);
      case FIXED:
        return value instanceof byte[] ? ByteBuffer.wrap((byte[]) value) : value;
      case UUID:
        return (UUID) value;
      case STRUCT:
        Record from = (Record) value;
        GenericRecord to = GenericRecord.create(type.asStructType());
        List<Types.NestedField> fields = type.asStructType().fields();
        for (int i = 0; i < fields.size(); i++) {
          to.set(i, internal(fields.get(i).type(), from.get(i)));
        }
        return to;
      case LIST:
        List<Object> list = new ArrayList<>();
        for (Object element : (List<?>) value) {
          list.add(internal(type.asListType().elementType(), element));
        }
        return list;
      case MAP:
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          map.put(
              internal(type.asMapType().keyType(), entry.getKey()),
              internal(type.asMapType().valueType(), entry.getValue()));
        }
        return map;
      default:
        return value;
    }
  }

  private static long epoch(Object value, long perSecond) {
    Instant instant =
        value instanceof OffsetDateTime
            ? ((OffsetDateTime) value).toInstant()
            : ((LocalDateTime) value).toInstant(ZoneOffset.UTC);
    return Math.addExact(
        Math.multiplyExact(instant.getEpochSecond(), perSecond), instant.getNano() / (1_000_000_000L / perSecond));
  }
}
