"""The template, as CloudFormation gets it."""
