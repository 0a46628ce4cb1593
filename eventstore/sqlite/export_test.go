package sqlite

// Statements are the texts that read the log, for the conformance suite to look at their plans.
func Statements() map[string]string { return (&driver{}).Traits().Statements.ByName() }

// OpenWrapped puts wrap, when there is one, around the driver.
var OpenWrapped = openWrapped
