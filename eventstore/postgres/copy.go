package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/duolog/duolog/eventstore"
)

// copyFrom is the number of rows from which COPY is faster than one array a column.
const copyFrom = 200

// copyIn inserts the rows by COPY, on the transaction's connection.
func copyIn(ctx context.Context, tx pgx.Tx, op eventstore.BulkOp, rows [][]any) error {
	names := make([]string, len(op.Columns))
	for i, column := range op.Columns {
		names[i] = column.Name
	}
	query := "COPY " + op.Table + " (" + strings.Join(names, ", ") + ") FROM STDIN (FORMAT binary)"
	from := &copyReader{columns: op.Columns, rows: rows}
	_, err := tx.Conn().PgConn().CopyFrom(ctx, from, query)
	if from.err != nil { // the server only heard that something was wrong
		return fmt.Errorf("write %s: %w", op.Table, from.err)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", op.Table, translate(err))
	}
	return nil
}

// copyReader encodes rows in COPY's binary format as they are read.
type copyReader struct {
	columns []eventstore.Column
	rows    [][]any
	begun   bool
	ended   bool
	buf     []byte
	at      int
	err     error
}

// copyHeader is the signature, no flags, and no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// Read gives as much of the rows as fits.
func (r *copyReader) Read(into []byte) (int, error) {
	if r.at == len(r.buf) {
		r.buf, r.at = r.buf[:0], 0
		r.fill(len(into))
	}
	switch {
	case r.err != nil:
		return 0, r.err
	case len(r.buf) == 0:
		return 0, io.EOF
	}
	n := copy(into, r.buf[r.at:])
	r.at += n
	return n, nil
}

// fill encodes rows until there are so many bytes, or the end.
func (r *copyReader) fill(size int) {
	if !r.begun {
		r.begun = true
		r.buf = append(r.buf, copyHeader...)
	}
	for len(r.buf) < size && len(r.rows) > 0 && r.err == nil {
		r.buf, r.err = appendRow(r.buf, r.columns, r.rows[0])
		r.rows = r.rows[1:]
	}
	if len(r.rows) == 0 && !r.ended {
		r.ended = true
		r.buf = binary.BigEndian.AppendUint16(r.buf, 0xffff)
	}
}

func appendRow(b []byte, columns []eventstore.Column, row []any) ([]byte, error) {
	b = binary.BigEndian.AppendUint16(b, uint16(len(columns)))
	for i, column := range columns {
		if row[i] == nil {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		ok := false
		switch column.Kind {
		case eventstore.Int:
			var n int64
			if n, ok = toInt(row[i]); ok {
				b = binary.BigEndian.AppendUint32(b, 8)
				b = binary.BigEndian.AppendUint64(b, uint64(n))
			}
		case eventstore.Text:
			var s string
			if s, ok = row[i].(string); ok {
				b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
				b = append(b, s...)
			}
		case eventstore.Bytes:
			var v []byte
			if v, ok = row[i].([]byte); ok {
				b = appendBytes(b, v)
			}
		}
		if !ok {
			return b, fmt.Errorf("column %s: a %T in it", column.Name, row[i])
		}
	}
	return b, nil
}

// appendBytes takes nil bytes for NULL, as everywhere.
func appendBytes(b, v []byte) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(b, 0xffffffff)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	return append(b, v...)
}
