package engine

// Statements are the texts that read the log, by what they are for: the conformance suite looks at their plans.
func Statements() map[string]string {
	return map[string]string{
		"Read": readLog, "ReadStream": readStream, "Get": readSome, "LookUpKeys": lookUpKeys,
	}
}
