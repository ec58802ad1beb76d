#!/usr/bin/env bash
# Makes the environments that write the tables: two PySparks, PyIceberg, the Iceberg runtimes, the Java helper.
# Needs a JDK 17 and Maven on the PATH and the public registries; everything lands under target/gen/.
set -euo pipefail
cd "$(dirname "$0")/../.."
gen=target/gen
mkdir -p "$gen"
iceberg=1.11.0

venv() { # venv NAME PACKAGE…
    local dir="$gen/$1"
    shift
    [ -x "$dir/bin/python" ] || python3 -m venv "$dir"
    "$dir/bin/pip" install -q "$@"
}
venv spark3 pyspark==3.5.7 pyarrow==26.0.1 pytest==9.2.0
venv spark4 pyspark==4.1.1 pyarrow==26.0.1 pytest==9.2.0
venv pyiceberg "pyiceberg[pyarrow,pyiceberg-core,sql-sqlite]==0.12.0"

for artifact in iceberg-spark-runtime-3.5_2.12 iceberg-spark-runtime-4.1_2.13; do
    mvn -q dependency:get -Dartifact="org.apache.iceberg:$artifact:$iceberg" -Dtransitive=false
    mvn -q dependency:copy -Dartifact="org.apache.iceberg:$artifact:$iceberg" -DoutputDirectory="$PWD/$gen/jars"
done

for pair in "spark3 3.5_2.12" "spark4 4.1_2.13"; do
    read -r venv runtime <<<"$pair"
    spark_jars=$("$gen/$venv/bin/python" -c 'import pyspark, os; print(os.path.join(pyspark.__path__[0], "jars"))')
    mkdir -p "$gen/classes-$venv"
    javac --release 17 -d "$gen/classes-$venv" \
        -cp "$gen/jars/iceberg-spark-runtime-$runtime-$iceberg.jar:$spark_jars/*" testdata/generators/IcebergFiles.java
done
