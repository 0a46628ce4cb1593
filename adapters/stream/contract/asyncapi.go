package contract

import (
	"encoding/json"
	"net/url"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
)

type object = map[string]any

// AsyncAPI is the AsyncAPI 3 document of the streams: HTTP, server-sent events, NATS JetStream and webhooks carry the
// same messages.
func AsyncAPI(version, publicURL string) ([]byte, error) {
	messages, refs, components := object{}, []any{}, object{}
	describe := func(kind string, members object) {
		n := name(kind)
		messages[n] = object{"$ref": "#/components/messages/" + n}
		refs = append(refs, object{"$ref": "#/channels/events/messages/" + n})
		components[n] = object{
			"name": kind, "title": kind, "contentType": cloudevent.ContentType,
			"payload": object{
				"type": "object", "required": []string{"specversion", "id", "source", "type", "sequence", "generation"},
				"properties": members,
			},
		}
	}
	for _, kind := range Types() {
		describe(kind, envelope(kind))
	}
	describe(cloudevent.Position, mark())
	return json.Marshal(object{
		"asyncapi": "3.0.0",
		"info": object{
			"title": "Duolog", "version": version,
			"description": "Every event of a connection as CloudEvents 1.0, in order (sequence), at least once. The key of " +
				"order is the record: partitionkey. Store the checkpoint with what you did.",
		},
		"servers": object{"api": object{
			"host": host(publicURL), "protocol": scheme(publicURL), "security": []any{object{"$ref": "#/components/securitySchemes/token"}},
		}},
		"channels": object{"events": object{
			"address": "/v1/connections/{connection}/events", "messages": messages,
			"parameters": object{"connection": object{"default": "default"}},
			"description": "GET as application/x-ndjson, application/json or text/event-stream. On NATS the subject is " +
				"PREFIX.{connection}.{type}; a webhook is a POST of one event.",
		}},
		"operations": object{"readEvents": object{
			"action": "send", "channel": object{"$ref": "#/channels/events"}, "messages": refs,
		}},
		"components": object{
			"messages":        components,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
	})
}

// mark describes what a narrowed stream tells so that a checkpoint moves.
func mark() object {
	text := object{"type": "string"}
	return object{
		"specversion": object{"const": "1.0"}, "source": text, "generation": text, "type": object{"const": cloudevent.Position},
		"id":       object{"type": "string", "description": "the checkpoint: everything up to it was looked at"},
		"sequence": object{"type": "string", "description": "its position, which may be that of an event that was left out"},
	}
}

// envelope describes the members of an event of the type.
func envelope(kind string) object {
	text := object{"type": "string"}
	return object{
		"specversion": object{"const": "1.0"}, "id": text, "source": text, "type": object{"const": kind}, "subject": text,
		"time": object{"type": "string", "format": "date-time"}, "occurredat": object{"type": "string", "format": "date-time"},
		"sequence": text, "generation": text, "partitionkey": text, "actor": text, "causation": text,
		"schema": object{"type": "integer"}, "erased": object{"type": "boolean"},
		"again":           object{"type": "boolean", "description": "to a member: it was parked, later events of its record are handled"},
		"fields":          object{"enum": []string{"ids", "masked"}, "description": "what of values the data holds; absent: all"},
		"datacontenttype": object{"const": "application/json"}, "data": inline(kind),
	}
}

func host(public string) string {
	u, err := url.Parse(public)
	if err != nil {
		return ""
	}
	return u.Host
}

func scheme(public string) string {
	u, err := url.Parse(public)
	if err != nil {
		return "https"
	}
	return u.Scheme
}
