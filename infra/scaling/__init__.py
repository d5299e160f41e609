"""What the scaling of a fleet does with a load, and what it costs: `python -m infra.scaling`.

The policy is read from `infra/stacks/fleet.yaml`, the template that is deployed, so what is played through here is what
runs there. `policy` reads it, `alarms` and `autoscaling` do with it what CloudWatch and Application Auto Scaling do,
`service` stands for ECS and the workers, `curves` brings documents, `simulate` lets a day pass in a second.
"""
