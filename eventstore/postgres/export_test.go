package postgres

// Statements are the texts that read the log, for the conformance suite to look at their plans.
func Statements() map[string]string {
	all := statements().ByName()
	for name, arrayType := range map[string]string{"ReadSome": "bigint[]", "LookUp": "bytea[]", "SubjectKeys": "text[]"} {
		all[name], _ = withList(all[name], "$2", arrayType)
	}
	return all
}

// OpenWrapped puts wrap, when there is one, around the driver.
var OpenWrapped = openWrapped

// InsertSQL is the append in one statement, and BatchArgs what it takes, for tests of forms that lose events.
const InsertSQL = insertSQL + silently

// BatchArgs are the parameters of InsertSQL.
var BatchArgs = batchArgs
