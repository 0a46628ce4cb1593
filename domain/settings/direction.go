package settings

import (
	"fmt"
	"strings"

	"github.com/duolog/duolog/domain"
)

var directionWords = map[string]Direction{
	"both": Both, "↔": Both, "<->": Both,
	"to_aloware": ToAloware, "←": ToAloware, "<-": ToAloware,
	"to_hubspot": ToHubSpot, "→": ToHubSpot, "->": ToHubSpot,
}

// ParseDirection reads a direction as a word (both, to_aloware, to_hubspot) or an arrow (↔ ← →, <-> <- ->). Aloware
// stands left.
func ParseDirection(text string) (Direction, error) {
	d, ok := directionWords[strings.ToLower(strings.TrimSpace(text))]
	if !ok {
		return "", fmt.Errorf("%q is not a direction (both, to_aloware or to_hubspot)", text)
	}
	return d, nil
}

// Arrow returns the direction as it is drawn: Aloware left, HubSpot right.
func (d Direction) Arrow() string {
	switch d {
	case ToAloware:
		return "←"
	case ToHubSpot:
		return "→"
	default:
		return "↔"
	}
}

// And returns what both directions allow; ok is false when that is nothing.
func (d Direction) And(o Direction) (both Direction, ok bool) {
	switch {
	case d == Both:
		return o, true
	case o == Both || o == d:
		return d, true
	}
	return "", false
}

// Wins reports whether the winner is a system's side, and which.
func (w Winner) Wins() (domain.System, bool) {
	switch w {
	case HubSpotWins:
		return domain.HubSpot, true
	case AlowareWins:
		return domain.Aloware, true
	default:
		return "", false
	}
}
