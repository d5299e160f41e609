"""The light lane: a folder a Lambda function, named by what it does. No business rules in here."""
