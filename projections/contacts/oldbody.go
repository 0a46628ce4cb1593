package contacts

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// oldBody reads the sealed body of a record's row that fold 1 wrote, for those who read before the rebuild.
func oldBody(plain []byte) (values byName[value], keys []string, err error) {
	var body struct {
		Values byName[value] `json:"values"`
		Keys   []string      `json:"keys"` // hex
	}
	if err := json.Unmarshal(plain, &body); err != nil {
		return nil, nil, err
	}
	for _, key := range body.Keys {
		blind, err := hex.DecodeString(key)
		if err != nil {
			return nil, nil, fmt.Errorf("a key of a record: %w", err)
		}
		keys = append(keys, string(blind))
	}
	return body.Values, keys, nil
}
