package catalogs

import (
	"encoding/json"

	"github.com/duolog/duolog/projections"
)

// sealedEntries and sealedDeals are the tables with what their bodies hold.
func sealedEntries() projections.Table { return sealed(entryTable, "subject", purposeEntry) }

func sealedDeals() projections.Table { return sealed(dealTable, "record", purposeDeal) }

func sealed(t projections.Table, subject, purpose string) projections.Table {
	t.Sealed = &projections.Sealed{Column: "body", Subject: subject, Purpose: purpose, Parts: parts}
	return t
}

func parts(plain []byte) (map[string]string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(plain, &fields); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(fields))
	for name, value := range fields {
		out[name] = string(value)
	}
	return out, nil
}
