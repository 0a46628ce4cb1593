package sqlite

import (
	"strconv"
	"strings"

	"github.com/duolog/duolog/eventstore"
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
	return insert + onConflict(op, names)
}

func onConflict(op eventstore.BulkOp, names []string) string {
	if op.Mode == eventstore.Insert {
		return ""
	}
	conflict := " ON CONFLICT (" + strings.Join(names[:op.Key], ", ") + ") DO "
	if op.Mode == eventstore.InsertNew || op.Key == len(names) {
		return conflict + "NOTHING"
	}
	sets := make([]string, 0, len(names)-op.Key)
	for _, name := range names[op.Key:] {
		sets = append(sets, name+" = excluded."+name)
	}
	return conflict + "UPDATE SET " + strings.Join(sets, ", ")
}

func equals(names []string) string {
	terms := make([]string, len(names))
	for i, name := range names {
		terms[i] = name + " = $" + strconv.Itoa(i+1)
	}
	return strings.Join(terms, " AND ")
}
