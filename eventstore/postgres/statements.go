package postgres

import (
	"strings"

	"github.com/duolog/duolog/eventstore/internal/engine"
)

// statements replaces "= ANY" by one look-up for each key. Without statistics PostgreSQL rather reads all of a
// connection and filters, for it takes a connection to have a two-hundredth of the rows; OFFSET 0 leaves it no choice.
func statements() engine.Statements {
	s := engine.Portable
	s.ReadSome = `SELECT e.* FROM unnest($keys) AS q(position)
 CROSS JOIN LATERAL (` + engine.SelectEvents + ` AND position = q.position OFFSET 0) AS e`
	s.LookUp = `SELECT q.key, e.position, e.id, e.recorded_at, e.hash FROM unnest($keys) AS q(key)
 CROSS JOIN LATERAL (SELECT position FROM append_key WHERE connection = $1 AND key = q.key OFFSET 0) AS k
 CROSS JOIN LATERAL (SELECT position, id, recorded_at, hash FROM event
                      WHERE connection = $1 AND position = k.position OFFSET 0) AS e`
	s.SubjectKeys = `SELECT q.subject, k.master_id, k.wrapped, k.since FROM unnest($keys) AS q(subject)
 CROSS JOIN LATERAL (SELECT master_id, wrapped, since FROM subject_key
                      WHERE connection = $1 AND subject = q.subject OFFSET 0) AS k`
	return s
}

// Two places a list can stand in: what callers write, and what statements here do.
const (
	keysIn     = "IN ($keys)"
	keysUnnest = "unnest($keys)"
)

// whole are words of a SELECT that says something about all of its rows together.
var whole = []string{"DISTINCT", "COUNT(", "SUM(", "MIN(", "MAX(", "GROUP BY"}

// oneByOne makes a SELECT that ends with a list into one look-up for each key, for the same reason as statements does:
// about a table that grew a moment ago PostgreSQL knows nothing, and a page's keys then read all of a version.
func oneByOne(query string) string {
	rest, ends := strings.CutSuffix(strings.TrimSpace(query), keysIn)
	if !ends || !strings.HasPrefix(rest, "SELECT ") {
		return query
	}
	for _, word := range whole {
		if strings.Contains(rest, word) {
			return query
		}
	}
	return "SELECT found.* FROM (SELECT DISTINCT key FROM " + keysUnnest + " AS list(key)) AS wanted\n" +
		" CROSS JOIN LATERAL (" + rest + "= wanted.key OFFSET 0) AS found"
}

// withList puts a list's parameter, such as "$3", into a query; false when there is no place for it, or more.
func withList(query, parameter, arrayType string) (string, bool) {
	if strings.Count(query, "$keys") != 1 {
		return "", false
	}
	replaced := strings.NewReplacer(
		keysIn, "= ANY("+parameter+")", keysUnnest, "unnest("+parameter+"::"+arrayType+")").Replace(query)
	return replaced, replaced != query
}
