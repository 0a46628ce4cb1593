package domain

import (
	"embed"
	"fmt"
)

//go:embed testdata/events/*.json
var samples embed.FS

// Sample returns a payload of the event type as it was written under the schema, made up and without a real value; nil
// when there is none.
func Sample(kind string, schema int) []byte {
	data, err := samples.ReadFile(fmt.Sprintf("testdata/events/%s.v%d.json", kind, schema))
	if err != nil {
		return nil
	}
	return data
}
