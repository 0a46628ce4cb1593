package domain

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// readEnumeration returns the set of chosen HubSpot values, sorted and joined by ";": their order means nothing.
func readEnumeration(v scalar, f Format) (string, error) {
	chosen := v.list
	if v.shape != shapeList {
		chosen = strings.Split(v.text, ";")
	}
	var set []string
	for _, c := range chosen {
		if c = trim(c); c == "" {
			continue
		}
		value, ok := toHubSpot(c, f)
		if !ok {
			return "", invalid(Enumeration, "has a choice that is not in the value map")
		}
		set = append(set, value)
	}
	return joinSet(set), nil
}

func toHubSpot(value string, f Format) (string, bool) {
	if f.System == HubSpot || f.same() {
		return value, !strings.Contains(value, ";")
	}
	mapped, ok := f.Values[value]
	return mapped, ok
}

// same reports that both systems use the same values.
func (f Format) same() bool { return len(f.Values) == 0 && !f.Closed }

func joinSet(set []string) string {
	slices.Sort(set)
	return strings.Join(slices.Compact(set), ";")
}

func writeEnumeration(canonical string, f Format) (json.RawMessage, error) {
	if f.System == HubSpot || f.same() {
		return quote(canonical), nil
	}
	var chosen []string
	for value := range strings.SplitSeq(canonical, ";") {
		back, ok := toAloware(value, f)
		if !ok {
			return nil, invalid(Enumeration, "has no counterpart in Aloware in the value map")
		}
		chosen = append(chosen, back)
	}
	return quote(strings.Join(chosen, ";")), nil
}

// toAloware finds the Aloware value; where several map to one HubSpot value, the first by name is written.
func toAloware(value string, f Format) (string, bool) {
	for _, key := range slices.Sorted(maps.Keys(f.Values)) {
		if f.Values[key] == value {
			return key, true
		}
	}
	return "", false
}
