package envelope

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// Limits of what is stored. Text stands in index keys, which PostgreSQL bounds at about 2700 bytes together.
const (
	MaxText = 512
	MaxKey  = 512
	MaxData = 16 << 20
)

// Validate says with ErrInvalid why an event cannot be stored. It looks at everything the database would refuse:
// there, one bad event would fail a batch of many callers.
func Validate(ev *eventstore.NewEvent) error {
	switch {
	case ev.ID == (ulid.ULID{}):
		return fmt.Errorf("%w: no id", eventstore.ErrInvalid)
	case ev.Schema < 1:
		return fmt.Errorf("%w: schema %d of %q", eventstore.ErrInvalid, ev.Schema, ev.Type)
	case ev.OccurredAt < 0 || ev.Causation < 0:
		return fmt.Errorf("%w: negative time or causation", eventstore.ErrInvalid)
	case len(ev.Key) > MaxKey:
		return fmt.Errorf("%w: dedupe key of %d bytes, at most %d", eventstore.ErrInvalid, len(ev.Key), MaxKey)
	case len(ev.Data) > MaxData:
		return fmt.Errorf("%w: data of %d bytes, at most %d", eventstore.ErrInvalid, len(ev.Data), MaxData)
	}
	return validateTexts(ev)
}

func validateTexts(ev *eventstore.NewEvent) error {
	texts := []struct{ name, value string }{
		{"stream", ev.Stream}, {"type", ev.Type}, {"subject", ev.Subject}, {"actor", ev.Actor},
	}
	for _, text := range texts {
		if text.value == "" && text.name != "actor" {
			return fmt.Errorf("%w: no %s", eventstore.ErrInvalid, text.name)
		}
		if err := ValidateText(text.value); err != nil {
			return fmt.Errorf("%w in %s", err, text.name)
		}
	}
	return nil
}

// ValidateText says with ErrInvalid why a text cannot be stored, without repeating it.
func ValidateText(s string) error {
	switch {
	case len(s) > MaxText:
		return fmt.Errorf("%w: %d bytes, at most %d", eventstore.ErrInvalid, len(s), MaxText)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%w: NUL", eventstore.ErrInvalid)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: not UTF-8", eventstore.ErrInvalid)
	}
	return nil
}
