package engine

// Statements are the SQL texts that read the log. Each goes by an index and all leading columns of it, also where the
// database has no statistics: there, one that leaves the planner a choice is one day planned to read the whole log.
type Statements struct {
	// Read takes connection, after, through. Positions are dense, so a range of them says how many rows there are.
	Read string
	// ReadStream takes connection, stream, after, limit.
	ReadStream string
	// ReadSome takes connection, and positions as keys; in any order.
	ReadSome string
	// LookUp takes connection, and dedupe keys as keys.
	LookUp string
	// Beyond takes connection, stream and position: is the stream's last position beyond?
	Beyond string
	// SubjectKeys takes connection, and subjects as keys.
	SubjectKeys string
}

// SelectEvents is how events are read.
const SelectEvents = `SELECT position, id, stream, type, schema, occurred_at, recorded_at, actor, causation, subject,
	data, hash FROM event WHERE connection = $1`

// Portable is Statements in SQL that every backend understands.
var Portable = Statements{
	Read:       SelectEvents + ` AND position > $2 AND position <= $3 ORDER BY connection, position`,
	ReadStream: SelectEvents + ` AND stream = $2 AND position > $3 ORDER BY connection, stream, position LIMIT $4`,
	ReadSome:   SelectEvents + ` AND position IN ($keys)`,
	LookUp: `SELECT k.key, e.position, e.id, e.recorded_at, e.hash
  FROM append_key k JOIN event e ON e.connection = k.connection AND e.position = k.position
 WHERE k.connection = $1 AND k.key IN ($keys)`,
	Beyond: `SELECT position FROM event WHERE connection = $1 AND stream = $2 AND position > $3
 ORDER BY connection, stream, position LIMIT 1`,
	SubjectKeys: `SELECT subject, master_id, wrapped, since FROM subject_key WHERE connection = $1 AND subject IN ($keys)`,
}

// ByName lists the statements.
func (s Statements) ByName() map[string]string {
	return map[string]string{
		"Read": s.Read, "ReadStream": s.ReadStream, "ReadSome": s.ReadSome, "LookUp": s.LookUp, "Beyond": s.Beyond,
		"SubjectKeys": s.SubjectKeys,
	}
}
