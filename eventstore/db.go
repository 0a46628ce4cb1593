package eventstore

import "context"

// Querier runs SQL that both backends understand, with $1, $2 … as placeholders. Values bound and scanned are
// int64, string, []byte and bool (stored as 0 / 1), nothing else.
type Querier interface {
	// Exec returns the number of rows changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	// QueryKeys is Query with one list in it: the text holds "IN ($keys)" once, keys is []string, []int64 or
	// [][]byte of any length (none: no rows), and args are $1 and up. One round trip (SQLite: one per 500 keys). A SELECT
	// that ends with the list goes by an index for each key, however little the database knows of the table.
	QueryKeys(ctx context.Context, query string, keys any, args ...any) (Rows, error)
	// Bulk writes many rows set-wise: on PostgreSQL one unnest statement or, for an Insert of many rows, one COPY; on
	// SQLite one prepared statement.
	Bulk(ctx context.Context, op BulkOp, rows [][]any) error
}

// Rows is a result set; Close is safe to repeat, and Err tells what ended the loop.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Kind is a column's type in a BulkOp.
type Kind int

// The kinds of columns.
const (
	Int Kind = iota
	Text
	Bytes
)

// Column names a column and its kind.
type Column struct {
	Name string
	Kind Kind
}

// BulkMode says what a BulkOp does with each row.
type BulkMode int

// The modes of a BulkOp.
const (
	// Insert fails when a key exists.
	Insert BulkMode = iota
	// InsertNew leaves a row that exists as it is.
	InsertNew
	// Upsert overwrites every column of a row that exists. A key may stand only once among the rows.
	Upsert
	// Delete removes rows by key; rows hold the key columns only.
	Delete
)

// BulkOp is a set-wise write. The first Key columns are the table's primary (or unique) key.
type BulkOp struct {
	Mode    BulkMode
	Table   string
	Columns []Column
	Key     int
}

// DB is a database both kinds of store offer to projections and to the outbox.
type DB interface {
	Querier
	// InTx runs fn in one transaction and commits when it returns nil. On a serialization failure, a deadlock, a full busy
	// time-out, or an append of what is stored already, fn runs again from the start, so it must not keep results of an
	// earlier run.
	InTx(ctx context.Context, fn func(Tx) error) error
	// ReadTx runs fn in one read-only snapshot.
	ReadTx(ctx context.Context, fn func(Querier) error) error
	// Backend is "sqlite" or "postgres".
	Backend() string
}

// Tx is an open read-write transaction.
type Tx interface {
	Querier
	// Append appends to the connection's log inside this transaction. It takes the head lock, so it must come last:
	// only commit may follow (or another Append).
	Append(ctx context.Context, log Log, events ...NewEvent) ([]Appended, error)
	// Erase appends, and destroys the keys of the subjects for ever: what they sealed can be read by nobody any more, and
	// what would be sealed under them from now on is refused with ErrErased. Subjects that have no key yet never get one.
	// As after Append, only commit may follow.
	Erase(ctx context.Context, log Log, subjects []string, events ...NewEvent) ([]Appended, error)
	// Revive appends, and gives subjects whose keys were destroyed new ones: for what comes after the events. What was
	// erased stays so.
	Revive(ctx context.Context, log Log, subjects []string, events ...NewEvent) ([]Appended, error)
}

type derivedKey struct{}

// Derived marks the transactions begun under the context as writing nothing but what follows from the log, checkpoint
// included. A database server or a machine that dies may lose the last of them, whole: they are made again. Nothing can
// be appended in one.
func Derived(ctx context.Context) context.Context { return context.WithValue(ctx, derivedKey{}, true) }

// IsDerived reports whether Derived marked the context.
func IsDerived(ctx context.Context) bool { return ctx.Value(derivedKey{}) != nil }

// Scan collects a query's rows; scan reads one. It closes rows.
func Scan[T any](rows Rows, err error, scan func(Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
