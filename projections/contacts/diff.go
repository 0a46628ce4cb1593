package contacts

import (
	"fmt"

	"github.com/duolog/duolog/projections"
)

// sealedRecords is the table of records, with what its bodies hold.
func sealedRecords() projections.Table {
	t := recordTable
	t.Sealed = &projections.Sealed{Column: "body", Subject: "record", Purpose: purpose, Parts: parts}
	return t
}

// parts are a record's values by property, and the keys it is found by.
func parts(plain []byte) (map[string]string, error) {
	values, keys, err := newDecoder().body(plain)
	if err != nil {
		return nil, err
	}
	out := map[string]string{"(keys)": fmt.Sprintf("%x", keys)}
	for _, n := range values {
		out[n.name] = fmt.Sprintf("%s %d %d %d %s", n.v.Value, n.v.Position, n.v.Occurred, n.v.Clock, n.v.By)
	}
	return out, nil
}
