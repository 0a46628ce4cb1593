package domain

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Canonical layouts. Datetimes have milliseconds, because HubSpot keeps no more: a finer text would come back
// different from what was written.
const (
	dateLayout     = "2006-01-02"
	datetimeLayout = "2006-01-02T15:04:05.000Z"
)

const dayMillis = 24 * 60 * 60 * 1000

// zeroDate is how MySQL, and with it a PHP application, says that there is no date.
const zeroDate = "0000-00-00"

func readDate(v scalar, f Format) (string, error) {
	text, err := v.single(Date)
	if err != nil || strings.HasPrefix(text, zeroDate) {
		return "", err
	}
	if f.Layout != "" {
		if t, err := time.Parse(f.Layout, text); err == nil {
			return dateText(t)
		}
	}
	if t, err := time.Parse(dateLayout, text); err == nil {
		return dateText(t)
	}
	if ms, ok := epoch(text, f); ok {
		if ms%dayMillis != 0 {
			return "", invalid(Date, "is a moment, not midnight UTC")
		}
		return dateText(time.UnixMilli(ms).UTC())
	}
	return dateOfMidnight(text, f)
}

// dateOfMidnight accepts a datetime at midnight, which is how some serialisers write a date.
func dateOfMidnight(text string, f Format) (string, error) {
	t, ok := isoDatetime(text, time.UTC)
	if !ok {
		return "", invalid(Date, "is not a date as "+wantedLayout(f.Layout, "YYYY-MM-DD"))
	}
	if t = t.UTC(); t.Hour()+t.Minute()+t.Second()+t.Nanosecond() != 0 {
		return "", invalid(Date, "has a time of day")
	}
	return dateText(t)
}

func dateText(t time.Time) (string, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return "", invalid(Date, "has a year outside 1 to 9999")
	}
	return t.Format(dateLayout), nil
}

func writeDate(canonical string, f Format) (json.RawMessage, error) {
	t, err := time.Parse(dateLayout, canonical)
	if err != nil {
		return nil, invalid(Date, "is not in the canonical form")
	}
	if f.Layout == "" {
		return quote(canonical), nil
	}
	return quote(t.Format(f.Layout)), nil
}

func readDatetime(v scalar, f Format) (string, error) {
	text, err := v.single(Datetime)
	if err != nil || strings.HasPrefix(text, zeroDate) {
		return "", err
	}
	if f.Layout != "" {
		if t, err := time.ParseInLocation(f.Layout, text, zone(f)); err == nil {
			return datetimeText(t)
		}
	}
	if ms, ok := epoch(text, f); ok {
		return datetimeText(time.UnixMilli(ms))
	}
	if t, ok := isoDatetime(text, zone(f)); ok {
		return datetimeText(t)
	}
	return "", invalid(Datetime, "is not a date with time as "+wantedLayout(f.Layout, "YYYY-MM-DDTHH:MM:SSZ"))
}

func datetimeText(t time.Time) (string, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return "", invalid(Datetime, "has a year outside 1 to 9999")
	}
	return t.Format(datetimeLayout), nil
}

func writeDatetime(canonical string, f Format) (json.RawMessage, error) {
	t, err := time.Parse(datetimeLayout, canonical)
	if err != nil {
		return nil, invalid(Datetime, "is not in the canonical form")
	}
	if f.Layout == "" {
		return quote(canonical), nil
	}
	return quote(t.In(zone(f)).Format(f.Layout)), nil
}

// isoDatetime reads RFC 3339 with T or a space, with or without a zone. Go reads a fraction of seconds everywhere.
func isoDatetime(text string, z *time.Location) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, z); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// epoch reads HubSpot's milliseconds since 1970. Aloware documents none, and seconds would look the same.
func epoch(text string, f Format) (int64, bool) {
	if f.System != HubSpot {
		return 0, false
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return ms, err == nil
}

func zone(f Format) *time.Location {
	if f.Zone == nil {
		return time.UTC
	}
	return f.Zone
}

func wantedLayout(layout, otherwise string) string {
	if layout == "" {
		return otherwise
	}
	return layout
}
