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

// InsertStatement is the append in one statement, for tests of forms that look like it.
var InsertStatement = (&driver{}).insertStatement
