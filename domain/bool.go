package domain

import (
	"encoding/json"
	"strings"
)

const (
	yes = "true"
	no  = "false"
)

func readBool(v scalar, _ Format) (string, error) {
	text, err := v.single(Bool)
	if err != nil {
		return "", err
	}
	switch strings.ToLower(text) {
	case yes, "1", "yes":
		return yes, nil
	case no, "0", "no":
		return no, nil
	}
	return "", invalid(Bool, "is none of true, false, 1, 0, yes, no")
}

func writeBool(canonical string, f Format) (json.RawMessage, error) {
	if canonical != yes && canonical != no {
		return nil, invalid(Bool, "is neither true nor false")
	}
	if f.System == HubSpot {
		return quote(canonical), nil
	}
	return json.RawMessage(canonical), nil
}
