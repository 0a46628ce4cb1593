package domain

// Kinds of commands. Reads are commands too: an answer to one comes back as a fact.
const (
	KindCreate = "create" // make a record in the system
	KindUpdate = "update" // write properties of a record
	KindRead   = "read"   // read a record by id
	KindLookup = "lookup" // find records by email or phone
)
