package sqlite

import (
	"strconv"
	"strings"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// bulkSQL is the statement for one row of a BulkOp.
func bulkSQL(op eventstore.BulkOp) string {
	names := make([]string, len(op.Columns))
	for i, column := range op.Columns {
		names[i] = column.Name
	}
	if op.Mode == eventstore.Delete {
		return "DELETE FROM " + op.Table + " WHERE " + equals(names[:op.Key])
	}
	marks := make([]string, len(names))
	for i := range names {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	insert := "INSERT INTO " + op.Table + " (" + strings.Join(names, ", ") + ") VALUES (" +
		strings.Join(marks, ", ") + ")"
	return insert + engine.OnConflict(op, names)
}

func equals(names []string) string {
	terms := make([]string, len(names))
	for i, name := range names {
		terms[i] = name + " = $" + strconv.Itoa(i+1)
	}
	return strings.Join(terms, " AND ")
}
